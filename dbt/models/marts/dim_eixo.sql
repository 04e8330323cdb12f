{{ config(cluster_by=['eixo']) }}
select
    eixo,
    nome,
    ordem,
    definicao,
    exemplos,
    versao_taxonomia
from {{ ref('eixo') }}
