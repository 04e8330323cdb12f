-- On BigQuery only the months in `meses` are built again; the DuckDB file is made anew each time.
{% if target.type == 'bigquery' %}
{{ config(
    materialized='incremental',
    incremental_strategy='insert_overwrite',
    full_refresh=var('completo') or none,
    on_schema_change='fail',
    partition_by={'field': 'data_referencia', 'data_type': 'date', 'granularity': 'month'},
    partitions=meses_sql(),
    cluster_by=['id_indicador', 'id_municipio'],
) }}
{% endif %}
-- One population per place is known (see ano_populacao), whatever the year observed: it stands beside the rate.
select
    observacao.id_indicador,
    observacao.id_municipio,
    observacao.data_referencia,
    observacao.periodicidade,
    {{ ano('observacao.data_referencia') }} as ano,
    observacao.valor,
    observacao.valor_texto,
    observacao.justificativa,
    case
        when indicador.por_mil and localidade.populacao > 0 then 1000 * observacao.valor / localidade.populacao
    end as valor_por_mil,
    case when indicador.por_mil then localidade.populacao end as populacao,
    case when indicador.por_mil then localidade.ano_populacao end as ano_populacao,
    observacao._fonte,
    observacao._dataset,
    observacao._id_execucao,
    observacao._data_processamento,
    observacao._versao_dado,
    observacao._versao_config,
    observacao._ativo
from {{ ref('stg_observacao') }} as observacao
left join {{ ref('dim_indicador') }} as indicador
    on observacao.id_indicador = indicador.id_indicador
left join {{ ref('dim_localidade') }} as localidade
    on observacao.id_municipio = localidade.id_localidade
{% if so_alguns_meses() %}
where {{ nos_meses('observacao.data_referencia') }}
{% endif %}
