"""Compares two models: liked-together and popularity. Leaves one liked movie of each user out and looks for it in the first three."""
import json
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "service"))
import recommend
import train


def hit_rate(likes, rank):
    hits = tries = 0
    for user, movies in likes.items():
        if len(movies) < 2:
            continue
        rest = {**likes, user: movies[:-1]}
        tries += 1
        hits += movies[-1] in rank(train.train(rest), user)[:3]
    return hits / tries


def main():
    likes = train.read_likes(sys.argv[1])
    models = {
        "together": recommend.rank,
        "popularity": lambda model, user: recommend.rank({**model, "together": {}}, user),
    }
    for name, rank in models.items():
        start = time.perf_counter()
        model = train.train(likes)
        trained = time.perf_counter() - start
        start = time.perf_counter()
        for user in likes:
            rank(model, user)
        asked = (time.perf_counter() - start) / len(likes)
        print(f"{name}: hit rate {hit_rate(likes, rank):.2f}, training {trained * 1e3:.2f} ms, "
              f"inference {asked * 1e3:.3f} ms, size {len(json.dumps(model))} bytes")


if __name__ == "__main__":
    main()
