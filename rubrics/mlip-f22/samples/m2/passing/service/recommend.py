"""Ranks movies by their mean rating, leaving out what the user has rated."""
import collections
import json
import sys

AT_MOST = 20


def rank(likes, user):
    ratings = collections.defaultdict(list)
    for rated in likes.values():
        for movie, rating in rated.items():
            ratings[movie].append(rating)
    seen = likes.get(user, {})
    mean = {movie: sum(numbers) / len(numbers) for movie, numbers in ratings.items() if movie not in seen}
    return sorted(mean, key=lambda movie: (-mean[movie], movie))[:AT_MOST]


if __name__ == "__main__":
    with open("likes.json") as file:
        print(",".join(rank(json.load(file), sys.argv[1])))
