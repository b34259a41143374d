import pytest

from apps.feed import demo
from apps.feed.models import Post

pytestmark = pytest.mark.django_db


def test_a_feed_is_seeded_once_and_only_for_users_that_there_are(django_user_model):
    demo.seed()
    assert Post.objects.count() == 0
    for name in ("ada", "grace"):
        django_user_model.objects.create_user(name)
    demo.seed()
    demo.seed()
    assert Post.objects.count() == len(demo.SEED)


def test_the_feed_moves_when_there_is_somebody_to_post(django_user_model):
    demo.move()
    django_user_model.objects.create_user("ada")
    demo.move()
    assert Post.objects.count() == 1
