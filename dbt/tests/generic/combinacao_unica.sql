{# The columns together are a key: the test gives the keys that stand more than once. #}
{% test combinacao_unica(model, colunas) %}
select {{ colunas | join(', ') }}, count(*) as vezes
from {{ model }}
group by {{ colunas | join(', ') }}
having count(*) > 1
{% endtest %}
