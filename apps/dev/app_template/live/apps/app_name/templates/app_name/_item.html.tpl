<li id="app_name-{{ item.pk }}">{{ item.text }}</li>
