from django.contrib import admin, messages
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from . import life
from .models import Task


@admin.register(Task)
class TaskAdmin(admin.ModelAdmin):
    """Everybody's tasks, to be looked at, cancelled, retried and deleted; open pages are told of it."""

    fields = ["name", "owner", "kind", "state", "how_far", "rows", "bad", "created_at", "beat_at", "tries"]
    list_display = ["name", "owner", "kind", "state", "how_far", "rows", "bad", "created_at"]
    list_filter = ["state", "kind"]
    list_select_related = ["owner"]
    search_fields = ["name", "owner__username"]
    date_hierarchy = "created_at"
    actions = ["cancel", "retry"]

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_act_permission(self, request):
        """Say whether someone may cancel and retry the tasks of others."""
        return request.user.has_perm("tasks.change_task")

    def view_on_site(self, task):
        return reverse("task", args=[task.pk])

    @admin.display(description=_("progress"))
    def how_far(self, task):
        return f"{task.percent}%"

    @admin.action(description=_("Cancel selected tasks"), permissions=["act"])
    def cancel(self, request, queryset):
        count = sum(map(life.cancel, queryset))
        done = ngettext("%(count)s task cancelled.", "%(count)s tasks cancelled.", count)
        messages.success(request, done % {"count": count})

    @admin.action(description=_("Retry selected tasks"), permissions=["act"])
    def retry(self, request, queryset):
        count = sum(map(life.retry, queryset))
        done = ngettext("%(count)s task continues.", "%(count)s tasks continue.", count)
        messages.success(request, done % {"count": count})

    def delete_model(self, request, obj):
        life.cancel(obj)
        life.delete(obj)

    def delete_queryset(self, request, queryset):
        for task in queryset:
            self.delete_model(request, task)
