{% extends "base.html" %}
{% load i18n sse %}

{% block title %}{% translate "App title" %}{% endblock %}

{% block head %}
  <script nonce="{{ csp_nonce }}">addEventListener('sse:reset', () => location.reload());</script>
{% endblock %}

{% block content %}
<div class="stack narrow">
  <h1>{% translate "App title" %}</h1>
  <p class="muted">{% translate "What is added here appears on every open page." %}</p>
  <form class="stack" method="post">
    {% csrf_token %}
    {% include "forms/fields.html" %}
    <button class="button">{% translate "Add" %}</button>
  </form>
  <ul id="app_name-items" class="list" dj-sse="{% url 'app_name-stream' %}" dj-sse-event="item"
      dj-sse-mode="prepend" dj-sse-since="{% sse_since %}">
    {% for item in items %}{% include "app_name/_item.html" %}{% endfor %}
  </ul>
</div>
{% endblock %}
