from .views import may_look


def dashboard(request):
    """Tell templates whether to link to the dashboard."""
    user = getattr(request, "user", None)
    return {"may_see_dashboard": user is not None and may_look(user)}
