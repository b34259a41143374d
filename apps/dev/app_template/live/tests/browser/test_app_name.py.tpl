"""What one page of this app adds appears on the others, while they are open."""

from playwright.sync_api import expect


def test_what_one_page_adds_appears_on_another(site, page, context, complaints):
    page.goto(f"{site.url}/accounts/login/?next=/app_name/")
    page.fill("[name=username]", "ada")
    page.fill("[name=password]", "demo")
    page.click("main button")
    other = context.new_page()
    other.goto(f"{site.url}/app_name/")
    page.get_by_label("Text").fill("Hello" + "o" * 190)
    page.get_by_role("button", name="Add").click()
    expect(other.get_by_text("Hello")).to_have_count(1)
    expect(page.get_by_text("Hello")).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "wider than the window"
    assert complaints == []
