"""The output of the template tags."""

from django.template import Context, Template


def render(source, **context):
    return Template("{" + "% load sse %" + "}" + source).render(Context(context))


def test_the_script_has_the_nonce_of_the_page_and_says_whether_trusted_types_are_required(settings):
    tag = "{" + "% sse_script %" + "}"
    settings.SECURE_CSP = {"require-trusted-types-for": ["'script'"]}
    parts = (
        'data-extras="/static/sse/djust-sse-extras.js" data-morph="/static/sse/djust-sse-morph.js"'
        ' data-sharing="/static/sse/djust-sse-sharing.js"'
    )
    assert render(tag, csp_nonce="abc") == (
        f'<script {parts} nonce="abc" src="/static/sse/djust-sse.js" data-trusted-types></script>'
    )
    settings.SECURE_CSP = {}
    assert render(tag) == f'<script {parts} src="/static/sse/djust-sse.js"></script>'
