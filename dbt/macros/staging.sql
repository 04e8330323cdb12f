{#
    Staging: one macro per kind of dataset. A staging model is its dataset's table, cast column by column,
    with the technical columns and the number of casts of each row that failed.
#}

{% macro stg_observacao(fonte, dataset) %}
    {{- stg_tabela(fonte, dataset, 'observacao', [
        ('id_indicador', 'string'), ('id_municipio', 'string'), ('data_referencia', 'date'),
        ('periodicidade', 'string'), ('valor', 'number'), ('valor_texto', 'string'),
        ('valor_original', 'string'), ('justificativa', 'string'),
    ]) -}}
{% endmacro %}

{% macro stg_indicador(fonte, dataset) %}
    {{- stg_tabela(fonte, dataset, 'indicador', [
        ('id_indicador', 'string'), ('nome', 'string'), ('descricao', 'string'), ('unidade', 'string'),
        ('periodicidade', 'string'), ('eixo_fonte', 'string'), ('por_mil', 'boolean'),
    ]) -}}
{% endmacro %}

{% macro stg_referencia(fonte, dataset, colunas) %}
    {{- stg_tabela(fonte, dataset, 'referencia', colunas) -}}
{% endmacro %}

{% macro stg_tabela(fonte, dataset, tabela, colunas) -%}
with carga as (
    select versao_dado, versao_config, ativo
    from {{ presentes(source('observatudo', 'carga')) }} as carga
    where fonte = '{{ fonte }}' and dataset = '{{ dataset }}' and tabela = '{{ tabela }}'
)

select
    {%- for nome, tipo in colunas %}
    {{ lida(nome, tipo) }} as {{ nome }},
    {%- endfor %}
    {{ falhas(colunas) }} as _falhas_conversao,
    cast('{{ fonte }}' as {{ dbt.type_string() }}) as _fonte,
    cast('{{ dataset }}' as {{ dbt.type_string() }}) as _dataset,
    cast('{{ var("id_execucao") }}' as {{ dbt.type_string() }}) as _id_execucao,
    cast('{{ var("data_processamento") }}' as {{ dbt.type_timestamp() }}) as _data_processamento,
    carga.versao_dado as _versao_dado,
    carga.versao_config as _versao_config,
    carga.ativo as _ativo
from {{ presentes(source(fonte, dataset ~ '_' ~ tabela)) }} as lida
cross join carga
{%- endmacro %}

{# The rows of a loaded table that are present: BigQuery's keep those that were removed, so that a load is a difference. #}
{% macro presentes(tabela) %}
    {%- if target.type == 'bigquery' -%}
        (select * from {{ tabela }} where _ativo)
    {%- else -%}
        {{ tabela }}
    {%- endif -%}
{% endmacro %}

{# BigQuery's tables have the type already, and a cast of the date would hide their partitions from a filter on it. #}
{% macro lida(nome, tipo) %}
    {%- if target.type == 'bigquery' and tipo == 'date' -%}
        lida.{{ nome }}
    {%- else -%}
        {{ dbt.safe_cast('lida.' ~ nome, tipo_sql(tipo)) }}
    {%- endif -%}
{% endmacro %}

{% macro falhas(colunas) -%}
    {%- for nome, tipo in colunas -%}
        case when lida.{{ nome }} is not null and {{ lida(nome, tipo) }} is null then 1 else 0 end
        {%- if not loop.last %}
    + {% endif -%}
    {%- endfor -%}
{%- endmacro %}

{# The same columns of several models, one under the other #}
{% macro uniao(modelos, colunas) -%}
    {%- for modelo in modelos %}
select {{ colunas | join(', ') }} from {{ ref(modelo) }}
        {%- if not loop.last %}
union all
        {%- endif -%}
    {%- endfor %}
{%- endmacro %}
