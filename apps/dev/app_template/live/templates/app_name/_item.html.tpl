{% load i18n %}<li class="row" id="app_name-{{ item.pk }}">
  <span>{{ item.text }}</span>
  {% if item.is_done %}<span class="badge is-good">{% translate "Done" %}</span>
  {% else %}<button class="button is-quiet" form="app_name-change" formaction="{% url 'app_name-finish' item.pk %}">{% translate "Finish" %}<span class="visually-hidden">: {{ item.text }}</span></button>
  {% endif %}<button class="button is-quiet" form="app_name-change" formaction="{% url 'app_name-remove' item.pk %}">{% translate "Remove" %}<span class="visually-hidden">: {{ item.text }}</span></button>
</li>
