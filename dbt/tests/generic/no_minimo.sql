{# The column is never below the limit. #}
{% test no_minimo(model, column_name, limite) %}
select *
from {{ model }}
where {{ column_name }} < {{ limite }}
{% endtest %}
