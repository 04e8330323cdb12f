-- A safe cast gives null without a word; here every such null is counted, per indicator.
with contado as (
    select
        _fonte as fonte,
        _dataset as dataset,
        id_indicador,
        count(*) as linhas,
        sum(_falhas_conversao) as falhas_conversao,
        sum(case when valor is null and {{ parece_numero('valor_original') }} then 1 else 0 end) as numeros_perdidos
    from {{ ref('stg_observacao') }}
    group by _fonte, _dataset, id_indicador
)

select
    fonte,
    dataset,
    id_indicador,
    linhas,
    cast(falhas_conversao as {{ tipo_inteiro() }}) as falhas_conversao,
    cast(numeros_perdidos as {{ tipo_inteiro() }}) as numeros_perdidos,
    cast(falhas_conversao + numeros_perdidos as {{ tipo_double() }}) / linhas as taxa_falha
from contado
