{{ config(cluster_by=['id_localidade']) }}
-- The official list decides which municipalities there are and what they are called; the Treasury's
-- register adds population and CNPJ. The Federal District has one municipality, Brasilia: the register
-- keeps the District's own row up to date, so its figures come before those of Brasilia's row. The
-- register's row for the Union says 8,569,324 people: Brazil's population is that of its states, if all are known.
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
),

soma as (
    select
        '1' as id_ente,
        cast(sum(ente.populacao) as {{ tipo_inteiro() }}) as populacao,
        max(ente.exercicio) as exercicio
    from {{ ref('uf') }} as uf
    left join ente
        on uf.id_uf = ente.id_ente
    having count(ente.populacao) = count(*)
),

-- where a place's population stands: `ordem` 1 comes before 2. Not called populacao: to BigQuery a table's name
-- comes before a column's, and the column would be the whole row.
candidata as (
    select id_ente as id_localidade, populacao, exercicio, 2 as ordem from ente where id_ente != '1'
    union all
    select '5300108' as id_localidade, populacao, exercicio, 1 as ordem from ente where id_ente = '53'
    union all
    select id_ente as id_localidade, populacao, exercicio, 1 as ordem from soma
),

escolhida as (
    select
        id_localidade, populacao, exercicio,
        row_number() over (partition by id_localidade order by ordem) as posicao
    from candidata
    where populacao is not null
)

select
    localidade.*,
    escolhida.populacao,
    escolhida.exercicio as ano_populacao,
    coalesce(distrito.cnpj, proprio.cnpj) as cnpj
from localidade
left join escolhida
    on localidade.id_localidade = escolhida.id_localidade and escolhida.posicao = 1
left join ente as proprio
    on localidade.id_localidade = proprio.id_ente
left join ente as distrito
    on localidade.id_localidade = '5300108' and distrito.id_ente = '53'
