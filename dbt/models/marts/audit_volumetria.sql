with citado as (
    select
        _fonte as fonte, _dataset as dataset, id_municipio as id_localidade, data_referencia,
        case when valor is null and valor_texto is null then 1 else 0 end as nulo
    from {{ ref('fact_indicador') }}
    union all
    select
        _fonte as fonte, _dataset as dataset, id_localidade, cast(null as date) as data_referencia, 0 as nulo
    from {{ ref('stg_referencia') }}
),

contado as (
    select
        citado.fonte,
        citado.dataset,
        cast(sum(citado.nulo) as {{ tipo_inteiro() }}) as nulos,
        count(distinct case when localidade.nivel = 'municipio' then citado.id_localidade end) as municipios,
        min(citado.data_referencia) as primeiro_periodo,
        max(citado.data_referencia) as ultimo_periodo
    from citado
    left join {{ ref('dim_localidade') }} as localidade
        on citado.id_localidade = localidade.id_localidade
    group by citado.fonte, citado.dataset
),

oficial as (
    select count(*) as municipios
    from {{ ref('dim_localidade') }}
    where nivel = 'municipio'
)

select
    carga.fonte,
    carga.dataset,
    carga.tipo,
    carga.linhas_lidas,
    carga.linhas_mantidas,
    carga.linhas_rejeitadas,
    carga.taxa_casamento,
    carga.linhas,
    contado.nulos,
    contado.municipios,
    cast(contado.municipios as {{ tipo_double() }}) / oficial.municipios as cobertura,
    contado.primeiro_periodo,
    contado.ultimo_periodo,
    carga.data_snapshot,
    carga.versao_dado,
    carga.versao_config
from {{ presentes(source('observatudo', 'carga')) }} as carga
cross join oficial
left join contado
    on carga.fonte = contado.fonte and carga.dataset = contado.dataset
-- one row per dataset: a dataset of observations also loads its indicators
where carga.tipo != 'observacao' or carga.tabela = 'observacao'
