from django.contrib.auth import get_user_model
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.views.decorators.http import require_POST

from apps.guide.models import Order
from apps.sse import SSEView, publish, publish_html, rate_limited


class Orders(SSEView):
    """Changes of the user's own orders."""

    def get_channels(self, request):
        if not request.user.is_authenticated:
            raise PermissionDenied
        return [channel(request.user)]


@login_required
@require_POST
@rate_limited
@transaction.atomic
def change(request, action, pk=None):
    """Change the list. The lock serialises the changes of a user, so that each count is correct."""
    user = get_user_model().objects.select_for_update().get(pk=request.user.pk)
    action(get_object_or_404(Order, pk=pk, user=user) if pk else Order(user=user))
    publish(channel(user), "open", Order.objects.filter(user=user, is_shipped=False).count())
    return redirect("guide-page", "live-list")


def place(order):
    order.save()
    publish(channel(order.user), "order", row(order))


def ship(order):
    order.is_shipped = True
    order.save()
    publish_html(channel(order.user), f"#guide-order-{order.pk}", row(order), mode="outer")


def place_and_ship(order):
    """Change one row twice in one transaction: both events arrive, in this order."""
    place(order)
    ship(order)


def remove(order):
    publish_html(channel(order.user), f"#guide-order-{order.pk}", "", mode="remove")
    order.delete()


def row(order):
    return render_to_string("guide/_order.html", {"order": order})


def channel(user):
    return f"guide-orders:{user.pk}"
