import csv

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django.views.generic import CreateView, DetailView

from apps.operations.spreadsheets import safe
from apps.sse import LivePageMixin, Position, SSEView, rate_limited

from . import demo, progress, work
from .forms import ImportForm
from .models import RowProblem, Task

ACTIONS = {"cancel": work.cancel, "retry": work.retry, "delete": work.delete}


def find(user, key) -> Task:
    """Return a task of this user; raises `Http404` for other tasks."""
    try:
        return user.tasks.get(pk=key)
    except (AttributeError, Task.DoesNotExist, ValueError):
        raise Http404 from None


@method_decorator(rate_limited, name="dispatch")
class TaskListView(LoginRequiredMixin, LivePageMixin, CreateView):
    """The user's unfinished tasks, the import form and the finished tasks."""

    template_name = "tasks/tasks.html"
    form_class = ImportForm

    def get_form_kwargs(self):
        return {**super().get_form_kwargs(), "instance": Task(owner=self.request.user)}

    def form_valid(self, form):
        work.start(form.instance)
        return redirect("task", form.instance.pk)

    def get_context_data(self, **kwargs):
        mine = Task.objects.filter(owner=self.request.user)
        state = next((each for each in Task.FINAL if each == self.request.GET.get("state")), None)
        shown = mine.filter(state__in=[state] if state else Task.FINAL)
        finished = Paginator(shown, per_page=20).get_page(self.request.GET.get("page"))
        unfinished = mine.filter(state__in=Task.UNFINISHED)
        counts = progress.counts(self.request.user.pk)
        filters = [(each.value, each.label, counts[each]) for each in Task.FINAL]
        return super().get_context_data(
            unfinished=unfinished, finished=finished, state=state, filters=filters, **kwargs
        )


class TaskView(LoginRequiredMixin, DetailView):
    """One task and its progress."""

    template_name = "tasks/task.html"

    def get_object(self, queryset=None):
        return find(self.request.user, self.kwargs["pk"])


@login_required
@require_safe
def problems(request, pk):
    """The rows that were not imported, as CSV."""
    headers = {"Content-Disposition": f'attachment; filename="errors-{pk}.csv"'}
    response = HttpResponse(content_type="text/csv; charset=utf-8", headers=headers)
    writer = csv.writer(response)
    writer.writerow([_("Row"), _("Reason")])
    writer.writerows(
        safe(each)
        for each in RowProblem.objects.filter(task=find(request.user, pk)).values_list("row", "reason").iterator()
    )
    return response


@login_required
@require_POST
@rate_limited
def act(request, pk, action):
    """Cancel, retry or delete a task, then show the page that the button was on."""
    task = find(request.user, pk)
    if action not in ACTIONS:
        raise Http404
    if not ACTIONS[action](task):
        messages.warning(request, _("This is no longer possible: the task's state has changed."))
    return redirect("tasks") if action == "delete" or "list" in request.POST else redirect("task", pk)


@require_safe
def example_file(request):
    """Return an example file to import."""
    return HttpResponse("".join(demo.lines(20_000)), content_type="text/csv; charset=utf-8")


class TaskStream(SSEView):
    """The progress and the states of all tasks of the user."""

    def get_channels(self, request):
        if not request.user.is_authenticated:
            raise PermissionDenied
        return [progress.channel(request.user.pk)]


class TaskProgressSSE(SSEView):
    """The progress of one task until its end."""

    event_id = Position

    def mount(self, request, last_event_id):
        self.task = find(request.user, request.GET.get("task_id"))

    async def stream(self, request):
        async with self.subscribe(progress.channel(self.task.owner_id)) as events:
            async for update in progress.follow(self.task, events):
                yield self.event("progress", update)

        html = progress.html(self.task, listed=False)
        yield self.event("complete", {"status": self.task.state, "result": progress.note(self.task), "html": html})
