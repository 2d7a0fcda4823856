"""Another version of XGBoost as a contender, in a process of its own: two versions cannot be in one.

Peer(DIRECTORY) starts this file with DIRECTORY (where `import xgboost` finds that version) in front of Python's path. Requests
and answers are lines of JSON; the rows go through files. Seconds are measured in that process.
"""

import json
import os
import subprocess
import sys
import tempfile
import time


class Peer:
    def __init__(self, directory):
        environment = dict(os.environ, PYTHONPATH=directory)
        self.process = subprocess.Popen([sys.executable, os.path.abspath(__file__)], env=environment, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.version = self.ask(what="version")

    def ask(self, **request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if answer == "":
            raise RuntimeError("the other XGBoost has ended")
        return json.loads(answer)

    def give(self, x, y):
        """Rows to work with."""
        import numpy

        with tempfile.TemporaryDirectory() as directory:
            numpy.save(directory + "/x.npy", x)
            numpy.save(directory + "/y.npy", y)
            self.ask(what="rows", directory=directory)

    def bin(self, threads, bins):
        return self.ask(what="bin", threads=threads, bins=bins)

    def train(self, parameters, trees):
        return self.ask(what="train", parameters=parameters, trees=trees)

    def predict(self, threads):
        return self.ask(what="predict", threads=threads)


def serve():
    import numpy
    import xgboost

    x = y = rows = booster = None
    for line in sys.stdin:
        request = json.loads(line)
        start = time.monotonic()
        if request["what"] == "bin":
            rows = xgboost.QuantileDMatrix(x, y, max_bin=request["bins"], nthread=request["threads"])
        elif request["what"] == "train":
            booster = xgboost.train(request["parameters"], rows, request["trees"])
        elif request["what"] == "predict":
            booster.set_param({"nthread": request["threads"]})
            booster.inplace_predict(x)
        answer = time.monotonic() - start
        if request["what"] == "version":
            answer = xgboost.__version__
        elif request["what"] == "rows":
            x = numpy.load(request["directory"] + "/x.npy")
            y = numpy.load(request["directory"] + "/y.npy")
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    serve()
