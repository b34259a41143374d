from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe
from django.views.generic import DetailView, FormView

from apps.sse import LivePageMixin, Position, SSEView, rate_limited

from . import downloads, example, life, preview, progress
from .forms import ImportForm
from .models import Task

ACTIONS = {"start": life.start, "cancel": life.cancel, "retry": life.retry, "delete": life.delete}
PAGE = 20
FILTERS = [("", gettext_lazy("All")), *((state.value, state.label) for state in map(Task.State, Task.FINAL))]


@method_decorator(rate_limited, name="dispatch")
class TaskListView(LoginRequiredMixin, LivePageMixin, FormView):
    """My current tasks, the forms that start new ones, and a page of those that are finished."""

    template_name = "tasks/tasks.html"
    form_class = ImportForm

    def form_valid(self, form):
        return redirect("task", form.save_for(self.request.user).pk)

    def get_context_data(self, **kwargs):
        state, before = self.request.GET.get("state", ""), self.request.GET.get("before")
        if state not in dict(FILTERS):
            raise BadRequest("state must be done, cancelled or failed")
        if before is not None and not (before.isdecimal() and len(before) < 19):
            raise BadRequest("before must be the number of a task")
        mine = self.request.user.tasks
        finished = list(mine.finished(state, before)[: PAGE + 1])
        return super().get_context_data(
            current=mine.exclude(state__in=Task.FINAL),
            finished=finished[:PAGE],
            has_older=len(finished) > PAGE,
            is_newest=before is None,
            filters=FILTERS,
            state=state,
            **kwargs,
        )


class TaskView(LoginRequiredMixin, DetailView):
    """One task: before it is started what it would do, then how far it is."""

    template_name = "tasks/task.html"

    def get_object(self):
        return Task.objects.find(self.request.user, self.kwargs["pk"])

    def get_context_data(self, **kwargs):
        return super().get_context_data(preview=preview.of(self.object), **kwargs)


@login_required
@require_POST
@rate_limited
def act(request, pk, action):
    """Start, cancel, retry or delete a task, then show the page that the button was on."""
    task = Task.objects.find(request.user, pk)
    if action not in ACTIONS:
        raise Http404
    needed = "tasks.delete_task" if action == "delete" else "tasks.change_task"
    if task.owner_id != request.user.pk and not request.user.has_perm(needed):
        raise PermissionDenied
    if not ACTIONS[action](task):
        is_full = action in ("start", "retry") and life.is_full(task.owner_id)
        late = _("This is no longer possible: the task's state has changed.")
        messages.warning(request, full() if is_full else late)
    if action == "delete" or "list" in request.POST:
        return redirect("tasks")
    return redirect("task", pk)


def full():
    """Return what to say if no task can be added to those under way."""
    most = life.MOST_UNDER_WAY
    return _("You have %(most)s unfinished tasks, which is the limit. Start this one when another is done.") % {
        "most": most
    }


@login_required
@require_POST
@rate_limited
def start_export(request):
    """Start an export of all of the user's contacts."""
    if life.is_full(request.user.pk):
        messages.warning(request, full())
        return redirect("tasks")
    task = life.prepare(Task(owner=request.user, kind=Task.Kind.EXPORT, name=_("All contacts")))
    life.start(task)
    return redirect("task", task.pk)


@login_required
@require_safe
def error_file(request, pk):
    task = Task.objects.find(request.user, pk)
    return downloads.download(request, downloads.errors_of(task), f"task-{pk}-errors.csv")


@login_required
@require_safe
def export_file(request, pk):
    task = Task.objects.find(request.user, pk)
    if task.kind != Task.Kind.EXPORT or task.state != Task.State.DONE:
        raise Http404
    return downloads.file_of(task, f"contacts-{pk}.csv")


@require_safe
def example_file(request):
    """Give a file to try an import with."""
    return HttpResponse("".join(example.lines(20_000)), content_type="text/csv; charset=utf-8")


class TaskStream(SSEView):
    """Everything that happens to my tasks: the progress of each, and each that is new or in another state."""

    def get_channels(self, request):
        if not request.user.is_authenticated:
            raise PermissionDenied
        return [progress.channel(request.user.pk)]


class TaskProgressSSE(SSEView):
    """The progress of one task, from wherever it is to its end."""

    event_id = Position

    def mount(self, request, last_event_id):
        self.task = Task.objects.find(request.user, request.GET.get("task_id"))

    async def stream(self, request):
        async with self.subscribe(progress.channel(self.task.owner_id)) as events:
            async for news in progress.until_the_end(self.task, events):
                yield self.event("progress", news)

        yield self.event("complete", progress.result(self.task))
