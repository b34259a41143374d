"""What the template tags print."""

from django.template import Context, Template


def render(source, **context):
    return Template("{" + "% load sse %" + "}" + source).render(Context(context))


def test_the_script_has_the_nonce_of_the_page_and_says_whether_trusted_types_are_required(settings):
    tag = "{" + "% sse_script %" + "}"
    settings.SECURE_CSP = {"require-trusted-types-for": ["'script'"]}
    assert render(tag, csp_nonce="abc") == (
        '<script data-morph="/static/sse/idiomorph.js" nonce="abc" src="/static/sse/djust-sse.js"'
        " data-trusted-types></script>"
    )
    settings.SECURE_CSP = {}
    assert render(tag) == (
        '<script data-morph="/static/sse/idiomorph.js" src="/static/sse/djust-sse.js"></script>'
    )
