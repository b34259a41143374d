"""Log in and sign up. The other pages are Django's own views with this site's templates."""

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.views import LoginView, RedirectURLMixin
from django.http import HttpResponse, HttpResponseRedirect
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import FormView

from .forms import SignUpForm
from .hashers import DEMO_PASSWORD
from .models import User


class LogInView(LoginView):
    """The form, and in development a button for each demo account."""

    def get_context_data(self, **kwargs: object) -> dict[str, object]:
        names = User.demo_accounts().order_by("pk").values_list("username", flat=True) if settings.DEBUG else []
        return super().get_context_data(demo_accounts=names, demo_password=DEMO_PASSWORD, **kwargs)


@method_decorator([sensitive_post_parameters(), never_cache], name="dispatch")
class SignUpView(RedirectURLMixin, FormView):
    """Makes an account, logs it in and goes on to `next`, if that is a page of this site."""

    form_class = SignUpForm
    template_name = "registration/signup.html"
    next_page = settings.LOGIN_REDIRECT_URL

    def form_valid(self, form: SignUpForm) -> HttpResponse:
        login(self.request, form.save())
        return HttpResponseRedirect(self.get_success_url())

    def get_context_data(self, **kwargs: object) -> dict[str, object]:
        return super().get_context_data(next=self.get_redirect_url(), **kwargs)
