"""The last middleware, which keeps all middleware of a request in one thread."""


def stay_in_thread(get_response):
    """
    Add nothing. Django calls the middleware before a synchronous one without a change of thread.

    Under ASGI each of Django's own middleware would otherwise change to a thread and back, up to three times.
    """
    return get_response
