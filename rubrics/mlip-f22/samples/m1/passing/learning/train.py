"""Learns which movies are liked together, and which are liked at all."""
import collections
import csv
import itertools
import json
import sys

LIKED = 4


def read_likes(path):
    """user -> list of movies that the user rated LIKED or better."""
    likes = collections.defaultdict(list)
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            if int(row["rating"]) >= LIKED:
                likes[row["user"]].append(row["movie"])
    return likes


def train(likes):
    popular = collections.Counter()
    together = collections.defaultdict(collections.Counter)
    for movies in likes.values():
        popular.update(movies)
        for one, other in itertools.permutations(movies, 2):
            together[one][other] += 1
    return {
        "popular": [movie for movie, _ in sorted(popular.items(), key=lambda pair: (-pair[1], pair[0]))],
        "together": {movie: dict(sorted(counts.items())) for movie, counts in sorted(together.items())},
        "likes": dict(sorted(likes.items())),
    }


def main():
    source, target = sys.argv[1:3]
    with open(target, "w") as file:
        json.dump(train(read_likes(source)), file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
