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
    from {{ source('observatudo', 'carga') }}
    where fonte = '{{ fonte }}' and dataset = '{{ dataset }}' and tabela = '{{ tabela }}'
)

select
    {%- for nome, tipo in colunas %}
    {{ dbt.safe_cast('lida.' ~ nome, tipo_sql(tipo)) }} as {{ nome }},
    {%- endfor %}
    {{ falhas(colunas) }} as _falhas_conversao,
    cast('{{ fonte }}' as {{ dbt.type_string() }}) as _fonte,
    cast('{{ dataset }}' as {{ dbt.type_string() }}) as _dataset,
    cast('{{ var("id_execucao") }}' as {{ dbt.type_string() }}) as _id_execucao,
    cast('{{ var("data_processamento") }}' as {{ dbt.type_timestamp() }}) as _data_processamento,
    carga.versao_dado as _versao_dado,
    carga.versao_config as _versao_config,
    carga.ativo as _ativo
from {{ source(fonte, dataset ~ '_' ~ tabela) }} as lida
cross join carga
{%- endmacro %}

{% macro falhas(colunas) -%}
    {%- for nome, tipo in colunas -%}
        case when lida.{{ nome }} is not null and {{ dbt.safe_cast('lida.' ~ nome, tipo_sql(tipo)) }} is null then 1 else 0 end
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
