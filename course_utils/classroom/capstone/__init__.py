"""O desafio do notebook 10, "o deploy da sua central": o pedido, a prova escondida e o laudo."""

from course_utils.classroom.capstone.brief import BRIEF, Brief
from course_utils.classroom.capstone.inspection import DeliveryError, inspect
from course_utils.classroom.capstone.report import Item, Report

__all__ = ["BRIEF", "Brief", "DeliveryError", "Item", "Report", "inspect"]
