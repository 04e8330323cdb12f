{# Types and functions that differ between targets. #}

{# dbt falls back to a plain cast on DuckDB, which fails instead of giving null #}
{% macro duckdb__safe_cast(field, type) %}try_cast({{ field }} as {{ type }}){% endmacro %}

{# dbt.type_float() is a 32-bit float on DuckDB #}
{% macro tipo_double() %}{{ return(adapter.dispatch('tipo_double', 'observatudo')()) }}{% endmacro %}
{% macro default__tipo_double() %}{{ return('double') }}{% endmacro %}
{% macro bigquery__tipo_double() %}{{ return('float64') }}{% endmacro %}

{# dbt's own is bigint on BigQuery: an alias that Google's analyser, by which the SQL is checked, does not know #}
{% macro tipo_inteiro() %}{{ return(adapter.dispatch('tipo_inteiro', 'observatudo')()) }}{% endmacro %}
{% macro default__tipo_inteiro() %}{{ return('bigint') }}{% endmacro %}
{% macro bigquery__tipo_inteiro() %}{{ return('int64') }}{% endmacro %}

{# A column type as colunas.yaml and the declarations name it, in the target's own words #}
{% macro tipo_sql(tipo) %}
    {%- set nomes = {
        'string': dbt.type_string(),
        'integer': tipo_inteiro(),
        'number': tipo_double(),
        'boolean': dbt.type_boolean(),
        'date': 'date',
    } -%}
    {{ return(nomes[tipo]) }}
{% endmacro %}

{% macro parece_numero(coluna) %}{{ return(adapter.dispatch('parece_numero', 'observatudo')(coluna)) }}{% endmacro %}
{% macro default__parece_numero(coluna) %}regexp_matches({{ coluna }}, '{{ padrao_numero() }}'){% endmacro %}
{% macro bigquery__parece_numero(coluna) %}regexp_contains({{ coluna }}, r'{{ padrao_numero() }}'){% endmacro %}

{# Brazilian or plain notation: 1.234,5 · 1234,5 · 1234.5 · -12 #}
{% macro padrao_numero() %}{{ return('^ *[-+]?([0-9]{1,3}([.][0-9]{3})+|[0-9]+)([.,][0-9]+)? *$') }}{% endmacro %}

{% macro ano(data) %}cast(extract(year from {{ data }}) as {{ tipo_inteiro() }}){% endmacro %}
