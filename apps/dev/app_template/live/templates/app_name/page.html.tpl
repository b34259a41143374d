{% extends "base.html" %}
{% load i18n sse %}

{% block title %}{% translate "App title" %}{% endblock %}

{% block content %}
<div class="stack narrow">
  <h1>{% translate "App title" %}</h1>
  <form class="stack" method="post">
    {% csrf_token %}
    {% include "forms/fields.html" %}
    <div><button class="button">{% translate "Add" %}</button></div>
  </form>
  <form id="app_name-change" method="post" hidden>{% csrf_token %}</form>
  <ul id="app_name-items" class="list" dj-sse="{% url 'app_name-stream' %}" dj-sse-event="item"
      dj-sse-mode="prepend" dj-sse-limit="{{ newest }}" dj-sse-since="{% sse_since %}" dj-sse-reset="{% url 'app_name' %}">
    {% for item in items %}{% include "app_name/_item.html" %}{% endfor %}
  </ul>
  <p class="empty is-while-empty">{% translate "No items yet. New ones appear here, on every open page." %}</p>
</div>
{% endblock %}
