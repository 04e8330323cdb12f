{# The months of an incremental build: `meses` holds their first days, as text. #}

{# Whether only the rows of `meses` are asked for: the table is there and is not built whole.
   A compilation that may not look (--no-introspect) takes the table for there when it is given months. #}
{% macro so_alguns_meses() %}
    {%- if not invocation_args_dict.get('introspect', true) -%}
        {{ return(var('meses') | length > 0) }}
    {%- endif -%}
    {{ return(is_incremental()) }}
{% endmacro %}

{# Their first days in SQL. None at all would have dbt look for the months itself: then a month without any row. #}
{% macro meses_sql() %}
    {%- set dias = [] -%}
    {%- for mes in var('meses') or ['0001-01-01'] -%}
        {%- do dias.append("date '" ~ primeiro_dia(mes) ~ "'") -%}
    {%- endfor -%}
    {{ return(dias) }}
{% endmacro %}

{# A condition that BigQuery finds the partitions by: bounds, not a function of the column #}
{% macro nos_meses(coluna) -%}
    {%- if not var('meses') -%}
        false
    {%- endif -%}
    {%- for mes in var('meses') -%}
        {%- set primeiro = primeiro_dia(mes) -%}
        {%- set seguinte = (primeiro + modules.datetime.timedelta(days=31)).replace(day=1) -%}
        ({{ coluna }} >= date '{{ primeiro }}' and {{ coluna }} < date '{{ seguinte }}')
        {%- if not loop.last %}
    or {% endif -%}
    {%- endfor -%}
{%- endmacro %}

{# Anything but a date is refused here, before it becomes a part of SQL. #}
{% macro primeiro_dia(mes) %}{{ return(modules.datetime.date.fromisoformat(mes | string).replace(day=1)) }}{% endmacro %}
