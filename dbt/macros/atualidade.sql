{# When a dataset's snapshot was taken, for `dbt source freshness`. #}
{% macro snapshot_de(fonte, dataset) -%}
    select cast(max(data_snapshot) as {{ dbt.type_timestamp() }})
    from {{ presentes(source('observatudo', 'carga')) }} as carga
    where fonte = '{{ fonte }}' and dataset = '{{ dataset }}'
{%- endmacro %}
