from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _

from . import broadcasting
from .models import Broadcast


@admin.register(Broadcast)
class BroadcastAdmin(admin.ModelAdmin):
    """Sends broadcasts and shows their progress. A broadcast cannot be changed."""

    fields = ["verb", "text", "url", "user", "group", "to_everybody"]
    raw_id_fields = ["user"]
    list_display = ["verb", "created_at", "sent_by", "sent", "total", "finished_at"]
    list_select_related = ["sent_by"]
    date_hierarchy = "created_at"
    actions = ["resume"]

    def has_change_permission(self, request, obj=None):
        return False

    def has_send_permission(self, request):
        """Return whether this user may send broadcasts."""
        return self.has_add_permission(request)

    def save_model(self, request, obj, form, change):
        obj.sent_by = request.user
        super().save_model(request, obj, form, change)
        broadcasting.start(obj)

    def response_add(self, request, obj, post_url_continue=None):
        if "_addanother" in request.POST or not self.has_view_permission(request, obj):
            return super().response_add(request, obj, post_url_continue)
        return redirect(f"{self.admin_site.name}:notifications_broadcast_change", obj.pk)

    def change_view(self, request, object_id, form_url="", extra_context=None):
        broadcast = self.get_object(request, unquote(object_id))
        context = {"progress": broadcast and broadcasting.progress(broadcast), **(extra_context or {})}
        return super().change_view(request, object_id, form_url, context)

    @admin.action(description=_("Resume interrupted broadcasts"), permissions=["send"])
    def resume(self, request, queryset):
        unfinished = queryset.filter(finished_at=None)
        for broadcast in unfinished:
            broadcasting.start(broadcast)
        messages.success(request, _("Resumed %(number)s.") % {"number": len(unfinished)})
