"""
What differs between browsers, in Firefox: streams of fetch, compressed and not, sharing, focus and scrolling.

`make soak` runs the other tests of the client in Firefox. These are in one file, so that `make test` starts it once.
"""

# ruff: noqa: F401

from apps.sse.tests.browser.test_client_attributes import (
    test_autoscroll_follows_the_end_of_a_list_unless_the_reader_has_scrolled_up,
)
from apps.sse.tests.browser.test_client_compression import (
    test_each_event_of_a_compressed_stream_is_shown_when_it_arrives,
    test_the_client_reconnects_after_a_compressed_stream_that_ends_or_is_cut,
)
from apps.sse.tests.browser.test_client_modes import (
    test_a_morph_around_a_focused_input_does_not_disturb_typing,
)
from apps.sse.tests.browser.test_client_reconnecting import (
    test_a_client_reconnects_with_the_last_id_and_emits_its_states,
)
from apps.sse.tests.browser.test_client_sharing import test_the_tabs_of_a_session_share_one_stream
