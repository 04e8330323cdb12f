{# The column never exceeds the limit. #}
{% test no_maximo(model, column_name, limite) %}
select *
from {{ model }}
where {{ column_name }} > {{ limite }}
{% endtest %}
