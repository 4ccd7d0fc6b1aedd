"""What tasks are called in scores, and in the names of jobs and folders: probes and fine-tuning may share one."""

_FINE_TUNED = "-finetune"


def fine_tuned_name(task: str) -> str:
    """What stands in `Score.task` for models that were fine-tuned on a task: pos-finetune, where pos is probed."""
    return task + _FINE_TUNED


def task_of(name: str) -> str:
    """The task that is meant by what stands in `Score.task`."""
    return name.removesuffix(_FINE_TUNED)
