"""Offline: precision of the first k. Online: the share of recommended movies that the same user then watches."""


def precision_at(k, ranked, relevant):
    if k < 1:
        raise ValueError("k must be at least 1")
    return sum(movie in relevant for movie in ranked[:k]) / k


def watched_share(recommended, watched):
    """Both: user -> set of movies."""
    offered = sum(len(movies) for movies in recommended.values())
    taken = sum(len(movies & watched.get(user, set())) for user, movies in recommended.items())
    return taken / offered if offered else 0.0
