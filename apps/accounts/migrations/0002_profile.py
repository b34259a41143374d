"""The profile. Users who could log in before can log in with their address; their sessions stay, and are listed."""

from itertools import batched

from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.db import migrations, models
from django.utils import timezone

import apps.accounts.models

BATCH = 500
UNKNOWN_ADDRESS = "::"


def add_addresses(state, schema_editor):
    User, EmailAddress = state.get_model("accounts", "User"), state.get_model("account", "EmailAddress")
    for users in batched(User.objects.exclude(email="").only("pk", "email").iterator(), BATCH):
        for user in users:
            user.email = user.email.lower()
        User.objects.bulk_update(users, ["email"])
        EmailAddress.objects.bulk_create(
            [EmailAddress(user=user, email=user.email, verified=True, primary=True) for user in users],
            ignore_conflicts=True,
        )


def list_sessions(state, schema_editor):
    User, UserSession = state.get_model("accounts", "User"), state.get_model("usersessions", "UserSession")
    Session, store = state.get_model("sessions", "Session"), SessionStore()
    for session in Session.objects.filter(expire_date__gt=timezone.now()).iterator():
        data = store.decode(session.session_data)
        user = User.objects.filter(pk=data.get("_auth_user_id")).first()
        if user is not None:
            # Another backend would log the user out.
            session.session_data = store.encode(data | {"_auth_user_backend": settings.AUTHENTICATION_BACKENDS[0]})
            session.save()
            UserSession.objects.get_or_create(
                session_key=session.session_key, defaults={"user": user, "ip": UNKNOWN_ADDRESS}
            )


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("account", "0009_emailaddress_unique_primary_email"),
        ("usersessions", "0001_initial"),
        ("sessions", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name='user',
            name='language',
            field=models.CharField(blank=True, db_default='', default='', choices=apps.accounts.models.languages, max_length=10, verbose_name='language'),
        ),
        migrations.AddField(
            model_name='user',
            name='picture',
            field=models.ImageField(blank=True, db_default='', default='', upload_to='people/', verbose_name='picture'),
        ),
        migrations.AddField(
            model_name='user',
            name='time_zone',
            field=models.CharField(blank=True, db_default='', default='', choices=apps.accounts.models.time_zones, max_length=40, verbose_name='time zone'),
        ),
        migrations.AddIndex("user", models.Index(fields=["date_joined"], name="accounts_user_joined")),
        migrations.RunPython(add_addresses, migrations.RunPython.noop),
        migrations.RunPython(list_sessions, migrations.RunPython.noop),
    ]
