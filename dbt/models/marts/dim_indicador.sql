{{ config(cluster_by=['id_indicador']) }}
-- An indicator without a label yet belongs to the axis Indefinido.
select
    indicador.id_indicador,
    indicador.nome,
    indicador.descricao,
    indicador.unidade,
    indicador.periodicidade,
    coalesce(indicador.por_mil, false) as por_mil,
    coalesce(rotulo.eixo, 'Indefinido') as eixo,
    rotulo.confianca,
    rotulo.origem,
    rotulo.versao_classificador,
    rotulo.versao_modelo,
    rotulo.versao_prompt,
    rotulo.versao_taxonomia,
    indicador._fonte as fonte,
    indicador._dataset as dataset,
    indicador._id_execucao,
    indicador._data_processamento,
    indicador._versao_dado,
    indicador._versao_config,
    indicador._ativo
from {{ ref('stg_indicador') }} as indicador
left join {{ presentes(source('observatudo', 'rotulo')) }} as rotulo
    on indicador.id_indicador = rotulo.id_indicador
