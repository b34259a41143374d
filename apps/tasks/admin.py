from django.contrib import admin, messages
from django.utils.translation import gettext_lazy as _

from . import work
from .models import Contact, Task


@admin.register(Contact)
class ContactAdmin(admin.ModelAdmin):
    list_display = ["name", "email", "company", "owner"]
    search_fields = ["name", "email", "owner__username"]
    raw_id_fields = ["owner"]


@admin.register(Task)
class TaskAdmin(admin.ModelAdmin):
    """Cancels, retries and deletes tasks of all users. Open pages show the changes."""

    fields = ["name", "owner", "state", "progress", "rows", "bad", "problem", "created_at"]
    list_display = ["name", "owner", "state", "progress", "rows", "bad", "created_at"]
    list_filter = ["state"]
    list_select_related = ["owner"]
    search_fields = ["name", "owner__username"]
    actions = ["cancel", "retry"]

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_act_permission(self, request):
        """Return whether this user may cancel and retry tasks of other users."""
        return request.user.has_perm("tasks.change_task")

    @admin.display(description=_("progress"))
    def progress(self, task):
        return f"{task.percent}%"

    @admin.action(description=_("Cancel selected tasks"), permissions=["act"])
    def cancel(self, request, queryset):
        messages.success(request, _("Cancelled: %s.") % sum(map(work.cancel, queryset)))

    @admin.action(description=_("Retry selected tasks"), permissions=["act"])
    def retry(self, request, queryset):
        messages.success(request, _("Queued again: %s.") % sum(map(work.retry, queryset)))

    def delete_model(self, request, obj):
        work.cancel(obj)
        work.delete(obj)

    def delete_queryset(self, request, queryset):
        for task in queryset:
            self.delete_model(request, task)
