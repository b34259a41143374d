{% extends "base.html" %}
{% load i18n %}

{% block title %}{% translate "App title" %}{% endblock %}

{% block content %}
<div class="stack narrow">
  <h1>{% translate "App title" %}</h1>
  <p class="muted">{% translate "This page is yours to write." %}</p>
</div>
{% endblock %}
