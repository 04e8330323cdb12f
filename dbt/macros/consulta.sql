{# What every statement of dbt says about itself: as a comment, and on BigQuery as labels of its job. #}
{% macro sobre_a_consulta(node) %}
    {%- set sobre = {'observatudo': env_var('OBSERVATUDO_ENV', 'dev'), 'run': var('id_execucao', 'manual')} -%}
    {%- if node is not none -%}
        {%- do sobre.update({'node': node.name}) -%}
    {%- endif -%}
    {{ return(tojson(sobre)) }}
{% endmacro %}
