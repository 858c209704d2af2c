/**
 * The Python program that draws trials with Optuna's samplers. It reads one JSON request per line and answers with one
 * JSON line. A request contains all trials so far, so only the state of CMA-ES has to persist between requests. That
 * state is pickled, and never read from a file.
 */
export const SAMPLER_PROGRAM = `
import sys
# What lies in the working folder must not run.
sys.path = [path for path in sys.path if path not in ("", ".")]
import json, os
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

def answer(value):
    answers.write(json.dumps(value) + "\\n")
    answers.flush()

first = json.loads(sys.stdin.readline())
try:
    import optuna
    if first["sampler"] == "cmaes":
        import cmaes
    if first["sampler"] == "gp":
        import scipy
        import torch
except ImportError as error:
    answer({"missing": error.name or str(error)})
    sys.exit(0)
import warnings
warnings.simplefilter("ignore")
optuna.logging.set_verbosity(optuna.logging.ERROR)
from optuna.distributions import json_to_distribution
from optuna.trial import TrialState, create_trial

STATES = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "running": TrialState.RUNNING,
          "failed": TrialState.FAIL}
kept = {}

def sampler_of(name, seed):
    if name == "tpe":
        return optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True)
    if name == "gp":
        return optuna.samplers.GPSampler(seed=seed)
    return optuna.samplers.CmaEsSampler(seed=seed)

def add(study, distributions, trial):
    state = STATES[trial["state"]]
    study.add_trial(create_trial(
        state=state,
        value=trial["value"] if state == TrialState.COMPLETE else None,
        params={name: distributions[name].to_external_repr(value) for name, value in trial["values"].items()},
        distributions=distributions,
        intermediate_values={step: value for step, value in trial["steps"]},
        system_attrs=kept.get(trial["id"], {}),
    ))

def ask(request):
    distributions = {name: json_to_distribution(text) for name, text in request["distributions"].items()}
    study = optuna.create_study(direction=request["direction"], sampler=sampler_of(request["sampler"], request["seed"]))
    for trial in request["trials"]:
        add(study, distributions, trial)
    asked = study.ask(fixed_distributions=distributions)
    kept[request["id"]] = dict(study.trials[-1].system_attrs)
    return {name: float(distributions[name].to_internal_repr(value)) for name, value in asked.params.items()}

request = first
while True:
    try:
        answer({"values": ask(request)})
    except Exception as error:
        answer({"error": f"{type(error).__name__}: {error}"})
    line = sys.stdin.readline()
    if not line:
        break
    request = json.loads(line)
`;
