import os

VISION_KEY = os.environ["VISION_KEY"]
