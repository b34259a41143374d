from django.contrib import admin

from . import feed
from .models import Post


@admin.register(Post)
class PostAdmin(admin.ModelAdmin):
    """Staff read and delete posts here; open pages are updated."""

    list_display = ["__str__", "author", "created_at"]
    list_select_related = ["author"]
    search_fields = ["text", "author__username"]
    date_hierarchy = "created_at"

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def delete_model(self, request, obj):
        feed.remove(obj)

    def delete_queryset(self, request, queryset):
        for post in queryset:
            feed.remove(post)
