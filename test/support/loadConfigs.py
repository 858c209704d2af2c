"""Prints, as JSON, what Python makes of configs, or why it makes nothing: `python loadConfigs.py READER FILE...`.

READER is `mmengine`, for what MMEngine's Config.fromfile reads, or `python`, for configs with `_base_` alone: Python's own
ast and its dict, and the merging that MMEngine documents. Classes are named without their packages.
"""
import ast
import json
import os
import sys


def plain(value):
    if isinstance(value, dict):
        return {str(key): plain(child) for key, child in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(child) for child in value]
    return value


def merged(child, base):
    result = dict(base)
    for key, value in child.items():
        if isinstance(value, dict) and key in base:
            value = dict(value)
            if value.pop('_delete_', False):
                result[key] = value
            elif isinstance(base[key], dict):
                result[key] = merged(value, base[key])
            else:
                raise TypeError(f'{key} is a dict, and no dict in the base')
        else:
            result[key] = value
    return result


def read_python(path):
    with open(path, encoding='utf-8') as file:
        tree = ast.parse(file.read())
    names = {'__builtins__': {'dict': dict}}
    exec(compile(tree, path, 'exec'), names)
    del names['__builtins__']
    bases = names.pop('_base_', [])
    inherited = {}
    for base in bases if isinstance(bases, list) else [bases]:
        inherited.update(read_python(os.path.join(os.path.dirname(path), base)))
    return merged(names, inherited)


def read_mmengine(path):
    from mmengine.config import Config

    return Config.fromfile(path).to_dict()


def read(reader, path):
    try:
        return plain(reader(path))
    except Exception as error:  # What is wrong is what the caller asks for.
        return {'error': f'{type(error).__name__}: {error}'}


reader = {'mmengine': read_mmengine, 'python': read_python}[sys.argv[1]]
if reader is read_mmengine:
    import mmengine  # noqa: F401, fails where there is none
print(json.dumps([read(reader, path) for path in sys.argv[2:]]))
