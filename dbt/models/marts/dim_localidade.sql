-- The official list decides which municipalities there are and what they are called; the Treasury's
-- register adds population and CNPJ. The Federal District has one municipality, Brasilia: the register
-- keeps the District's own row up to date, so its figures come before those of Brasilia's row.
with localidade as (
    select
        id_municipio as id_localidade, 'municipio' as nivel, nome, id_uf, sigla_uf, nome_uf,
        sigla_regiao, nome_regiao, capital
    from {{ ref('stg_ibge__municipio') }}
    union all
    select
        id_uf as id_localidade, 'uf' as nivel, nome_uf as nome, id_uf, sigla_uf, nome_uf,
        sigla_regiao, nome_regiao, cast(null as {{ dbt.type_boolean() }}) as capital
    from {{ ref('uf') }}
    union all
    select
        '1' as id_localidade, 'pais' as nivel, 'Brasil' as nome,
        cast(null as {{ dbt.type_string() }}) as id_uf, cast(null as {{ dbt.type_string() }}) as sigla_uf,
        cast(null as {{ dbt.type_string() }}) as nome_uf, cast(null as {{ dbt.type_string() }}) as sigla_regiao,
        cast(null as {{ dbt.type_string() }}) as nome_regiao, cast(null as {{ dbt.type_boolean() }}) as capital
),

ente as (
    select id_ente, populacao, exercicio, cnpj
    from {{ ref('stg_siconfi__ente') }}
)

select
    localidade.*,
    case when distrito.populacao is not null then distrito.populacao else proprio.populacao end as populacao,
    case
        when distrito.populacao is not null then distrito.exercicio
        when proprio.populacao is not null then proprio.exercicio
    end as ano_populacao,
    coalesce(distrito.cnpj, proprio.cnpj) as cnpj
from localidade
left join ente as proprio
    on localidade.id_localidade = proprio.id_ente
left join ente as distrito
    on localidade.id_localidade = '5300108' and distrito.id_ente = '53'
