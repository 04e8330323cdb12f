select
    eixo,
    nome,
    ordem,
    definicao,
    exemplos,
    versao_taxonomia
from {{ ref('eixo') }}
