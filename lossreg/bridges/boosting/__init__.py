"""What the bridges to gradient boosting share."""
