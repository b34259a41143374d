"""Log in, log out, sign up, change and reset a password."""

from django.urls import path

from . import views

urlpatterns = [
    path("login/", views.LogInView.as_view(), name="login"),
    path("logout/", views.LogOutView.as_view(), name="logout"),
    path("signup/", views.SignUpView.as_view(), name="signup"),
    path("password/", views.ChangePasswordView.as_view(), name="password_change"),
    path("reset/", views.ResetPasswordView.as_view(), name="password_reset"),
    path("reset/<uidb64>/<token>/", views.NewPasswordView.as_view(), name="password_reset_confirm"),
]
