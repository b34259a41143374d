"""Log in, sign up, change and reset a password: Django's own views with this site's form page."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth import views as auth
from django.contrib.messages.views import SuccessMessageMixin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import FormView

from .forms import ForgottenPasswordForm, SignUpForm
from .hashers import DEMO_PASSWORD
from .models import User

FORM = "registration/form.html"


class LogInView(auth.LoginView):
    """The form; in development also a button for each demo account."""

    extra_context = {"title": _("Log in")}

    def get_context_data(self, **kwargs: object) -> dict[str, object]:
        names = User.demo_accounts().order_by("pk").values_list("username", flat=True) if settings.DEBUG else []
        return super().get_context_data(demo_accounts=names, demo_password=DEMO_PASSWORD, **kwargs)


class LogOutView(auth.LogoutView):
    def post(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        response = super().post(request, *args, **kwargs)
        messages.success(request, _("You are logged out."))
        return response


@method_decorator([sensitive_post_parameters(), never_cache], name="dispatch")
class SignUpView(auth.RedirectURLMixin, FormView):
    """Creates an account, logs it in and redirects to `next`, if that is a page of this site."""

    form_class = SignUpForm
    template_name = FORM
    extra_context = {"title": _("Sign up"), "button": _("Create account")}
    next_page = settings.LOGIN_REDIRECT_URL

    def form_valid(self, form: SignUpForm) -> HttpResponse:
        login(self.request, form.save())
        return HttpResponseRedirect(self.get_success_url())

    def get_context_data(self, **kwargs: object) -> dict[str, object]:
        return super().get_context_data(next=self.get_redirect_url(), **kwargs)


class ChangePasswordView(SuccessMessageMixin, auth.PasswordChangeView):
    template_name = FORM
    title = _("Change password")
    success_url = settings.LOGIN_REDIRECT_URL
    success_message = _("Password changed. Your other devices are logged out.")


class ResetPasswordView(SuccessMessageMixin, auth.PasswordResetView):
    """Asks for an email address. The response is the same whether or not an account has it."""

    form_class = ForgottenPasswordForm
    template_name = FORM
    title = _("Reset password")
    extra_context = {
        "text": _("Enter the email address of your account. We send you a link to choose a new password."),
        "button": _("Send link"),
    }
    success_url = reverse_lazy("login")
    success_message = _(
        "If an account has that address, we sent it a link to choose a new password. "
        "No email after a few minutes? Check the spam folder, and whether you signed up with that address."
    )


class NewPasswordView(SuccessMessageMixin, auth.PasswordResetConfirmView):
    """The target of the link in the mail."""

    template_name = FORM
    title = _("Choose a new password")
    extra_context = {"button": _("Set password")}
    success_url = reverse_lazy("login")
    success_message = _("Password set. You can now log in with it.")

    def render_to_response(self, context: dict, **kwargs: object) -> HttpResponse:
        if self.validlink:
            return super().render_to_response(context, **kwargs)
        messages.warning(self.request, _("That link was used already, or it has expired. Request another one."))
        return redirect("password_reset")
