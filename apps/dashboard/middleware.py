"""Counts each request and the time until it is answered. Stands first, so that it sees the work of all others."""

from time import perf_counter

from asgiref.sync import iscoroutinefunction
from django.utils.decorators import sync_and_async_middleware

from .counters import counters


@sync_and_async_middleware
def measure(get_response):
    """Measure a request until its response begins: an open stream counts by how soon it was opened."""
    if iscoroutinefunction(get_response):

        async def middleware(request):
            began = perf_counter()
            response = await get_response(request)
            counters.count_request(perf_counter() - began, response.status_code)
            return response

    else:

        def middleware(request):
            began = perf_counter()
            response = get_response(request)
            counters.count_request(perf_counter() - began, response.status_code)
            return response

    return middleware
