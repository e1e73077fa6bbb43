"""Ranks movies for one user: python3 service/recommend.py USERID prints at most 20 movie ids, best first, separated by commas."""
import collections
import json
import pathlib
import sys

AT_MOST = 20


def rank(model, user):
    """Movies liked together with those that the user likes, then the popular ones; never one that the user likes already."""
    seen = set(model["likes"].get(user, []))
    scores = collections.Counter()
    for movie in seen:
        scores.update(model["together"].get(movie, {}))
    best = sorted((movie for movie in scores if movie not in seen), key=lambda movie: (-scores[movie], movie))
    rest = [movie for movie in model["popular"] if movie not in seen and movie not in scores]
    return (best + rest)[:AT_MOST]


def main():
    model = json.loads((pathlib.Path(__file__).parent / "model.json").read_text())
    print(",".join(rank(model, sys.argv[1])))


if __name__ == "__main__":
    main()
