import sys

while True:
    sys.stdout.write("northbound+2010," * 4096)
